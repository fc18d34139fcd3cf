#pragma once

namespace ionian {

// What this process and those that it starts have in memory, secrets among it, gets into no core
// file and through no pipe to a program that takes them. A program that has the right to may raise
// the limit again.
//   errors   false, and errno says why
bool limit_core_files();

// The same, and none for this process whatever its limit is: what it starts anew inherits only
// that. Logged, where it can't be.
void forbid_core_files();

}  // namespace ionian
