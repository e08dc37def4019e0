"""Run the command line by `python -m jaxviz`."""

import sys

from jaxviz.cli import main

sys.exit(main())
