"""What tinycloud's work costs, beside what people use today and beside the bare tools.

``make bench`` and ``make bench-scale`` measure everything in one run and write RESULTS.md; nothing
in here is a test, and no test looks at a clock. What tests/unit/test_costs.py counts is what keeps
these figures from growing unseen.
"""
