"""The public functions of the library, as `import latentwalk as lw` offers them, for notebooks and scripts."""
