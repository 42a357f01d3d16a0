"""Tables: potential, regions, policies, targets, exports."""
