"""Exit codes of the commands."""

__all__ = ["EXIT_ERROR", "EXIT_INTERRUPTED"]

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it
