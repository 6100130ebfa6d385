"""An interpreter for pickles that builds plain records and never imports or calls anything."""
