"""`python -m server.cli` is `cayda`: so a process starts its children with its own Python."""

from server.cli import main

if __name__ == "__main__":
    main(prog_name="cayda")
