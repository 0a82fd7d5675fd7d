"""`python -m tickover`, the same as the command."""

from tickover.cli.main import main

if __name__ == "__main__":
    main()
