#pragma once
// What queries of one column give.
#include <string>
#include <vector>

#include "store/sqlite.h"

namespace ionian::store {

// Of the first row; 0 if there is none.
inline std::int64_t one_number(Rows rows) { return rows.next() ? rows.number(0) : 0; }

inline std::vector<std::string> all_texts(Rows rows) {
  std::vector<std::string> found;
  while (rows.next()) found.push_back(rows.text(0));
  return found;
}

}  // namespace ionian::store
