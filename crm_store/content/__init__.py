"""Reading what marketers write: YAML as nodes that know their file and line, literals, vocabulary, settings."""
