#pragma once

namespace ionian {

// What this process has in memory, secrets among it, gets into no file when it crashes. Programs
// that it starts inherit the half of it that is a limit.
void forbid_core_files();

}  // namespace ionian
