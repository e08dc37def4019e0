"""The tools of these tests notice what goes wrong, or every test here would pass for nothing."""

import pytest

from browser.notebook import CellError


def test_a_cell_that_raises_fails_the_test_with_its_traceback(open_notebook):
    notebook = open_notebook("1 / 0")
    with pytest.raises(CellError, match="ZeroDivisionError"):
        notebook.run()


def test_an_error_in_a_widget_and_a_request_to_another_machine_are_noticed(open_notebook, console):
    widget = """
        import anywidget
        class Careless(anywidget.AnyWidget):
            _esm = '''export default {render({el}) {
                el.textContent = "drawn";
                fetch("http://192.0.2.1/").catch(() => {});
                setTimeout(() => { throw new Error("careless"); });
            }};'''
        Careless()
    """
    notebook = open_notebook(widget.replace("\n        ", "\n"))
    with notebook.page.context.expect_event("weberror", lambda error: "careless" in str(error.error)):
        notebook.run()
    assert ["careless" in error for error in console.widget_errors()] == [True]
    assert console.requests_outside == ["http://192.0.2.1/"]
    console.forget()
