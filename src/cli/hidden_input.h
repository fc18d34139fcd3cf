#pragma once
// Secrets as a person types them, or as a program pipes them in.
#include <string>

#include "base/result.h"

namespace ionian::cli {

// A line of stdin: on a terminal asked for with `prompt` on stderr and not echoed, on a pipe just
// read. The echo comes back also if a signal ends or stops the program. FAILED_PRECONDITION: stdin
// has no further line.
Result<std::string> read_hidden(const std::string& prompt);
// The same of the terminal that the command was started from, if it has one, whatever stdin is.
Result<std::string> ask_hidden(const std::string& prompt);

}  // namespace ionian::cli
