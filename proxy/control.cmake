# The settings and the operator's side of cordond, as libraries of their own.
cordon_library(cordon_settings
  SOURCES network.cpp settings_document.cpp settings_draft.cpp settings_forms.cpp settings_reader.cpp settings_table.cpp
          settings_units.cpp settings_values.cpp
  USES cordon_smtp)
