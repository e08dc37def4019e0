"""Pages: what was rendered as one self-contained file, with the same front end as the widgets."""

from jaxviz.html.pages import page_messages, write_page
from jaxviz.html.renderings import write_renderings

__all__ = ["page_messages", "write_page", "write_renderings"]
