"""Pictures of many presets, judged by photographs and by a second network; `benchmarks/quality.py` is the program."""
