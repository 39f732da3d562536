"""Where projects come from: directories, git repositories, archives."""
