"""The commands of `latentwalk`, a module for each group; heavy imports happen inside a command, when it runs."""
