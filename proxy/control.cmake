# The settings, the operator's side of cordond and the form of sealed credentials, as libraries of
# their own.
cordon_library(cordon_settings
  SOURCES network.cpp settings_document.cpp settings_draft.cpp settings_forms.cpp settings_reader.cpp settings_table.cpp
          settings_units.cpp settings_values.cpp toml_text.cpp
  USES cordon_smtp)
cordon_library(cordon_sealing SOURCES sealed_credentials.cpp USES cordon_keys OpenSSL::Crypto)
cordon_library(cordon_control
  SOURCES control_connection.cpp control_endpoint.cpp control_mask.cpp control_query.cpp
          control_revocations.cpp control_roles.cpp control_rows.cpp control_service.cpp
          control_socket.cpp
  USES cordon_wire cordon_smtp Threads::Threads)
