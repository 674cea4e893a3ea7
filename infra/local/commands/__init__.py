"""What `make` may be asked of the stack on this machine: a module for each command."""
