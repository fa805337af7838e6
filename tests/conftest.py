"""Makes the helpers beside this file (`making`) importable from every test."""
