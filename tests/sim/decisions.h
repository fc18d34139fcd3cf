#pragma once
namespace ionian::sim {

// Prints the time of one scheduling decision (an output comes, the next input goes out) with 10 and
// with 100,000 inputs pending.
void print_decisions();

}  // namespace ionian::sim
