"""What a run is measured by: its answers as arrays, and every row as a quantity. No Inspect."""
