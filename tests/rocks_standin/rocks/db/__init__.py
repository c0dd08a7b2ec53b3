"""The database of the stand-in: a client and the part of Rocks' `newdb` that commands and plugins use."""
