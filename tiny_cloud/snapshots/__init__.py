"""Snapshots of whole machines: what a plan has to know of them, and the steps that make them."""
