"""Feature visualization by several systems, measured side by side; `benchmarks/peers.py` is the program."""
