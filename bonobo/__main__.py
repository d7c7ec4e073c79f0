"""`python -m bonobo` is the command `bonobo`."""

from bonobo.cli import main

if __name__ == "__main__":
    main()
