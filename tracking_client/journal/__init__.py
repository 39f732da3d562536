"""What runs are told, kept on this machine until a server has it."""
