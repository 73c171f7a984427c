// A VFS under SQLite that gathers the writes to the write-ahead log. SQLite writes the log frame by
// frame, and each frame in two calls; a group of a hundred messages makes some five hundred. Here
// they are put together and written at the sync, or as soon as anything else is asked of the file.
//
// Nobody can miss what is held back: with synchronous=FULL a commit is made known to readers, and
// to the index of the log, only after its sync (wal.c, sqlite3WalFrames), and frames that SQLite
// wrote early it reads back through the same file. An error of a write comes out of the call that
// it was held back for.
#pragma once

namespace cordon::store {

// Registers the VFS at the first call and gives its name, for sqlite3_open_v2(). Any thread. Throws
// std::runtime_error.
const char* gathering_vfs();

}  // namespace cordon::store
