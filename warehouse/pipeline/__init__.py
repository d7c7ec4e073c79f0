"""Node functions: what the domain decides, joined to the services that act."""
