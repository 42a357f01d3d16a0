"""What people look at: map, charts, report."""
