# Headers that nearly every file of a layer reads, parsed once. A file still names all that it needs: the presets clang
# and asan build without (CMAKE_DISABLE_PRECOMPILE_HEADERS), and `checkheaders` compiles each header alone. Headers of
# ours stand here only if all of the layer's files are built again anyway when they change.
set(precompiled_base
  <algorithm> <atomic> <charconv> <chrono> <condition_variable> <deque> <filesystem> <functional> <map> <memory> <mutex> <optional>
  <set> <string> <thread> <unordered_map> <utility> <vector> <base/clock.h> <base/ids.h> <base/result.h>)
set(precompiled_services ${precompiled_base}
  <google/protobuf/empty.pb.h> <services/context.h> <services/environments.h>)
set(precompiled_cli ${precompiled_base} <iostream> <nlohmann/json.hpp> <google/protobuf/empty.pb.h>)

# precompiled_headers(TARGET base|services|cli): the first target with a name makes them, the others share them.
function(precompiled_headers target name)
  get_property(owner GLOBAL PROPERTY ionian_precompiled_${name})
  if(owner)
    target_precompile_headers(${target} REUSE_FROM ${owner})
  else()
    target_precompile_headers(${target} PRIVATE ${precompiled_${name}})
    set_property(GLOBAL PROPERTY ionian_precompiled_${name} ${target})
  endif()
  # GCC 12 takes the insides of std::string for ours when they come precompiled, and warns of moves that are right. The
  # preset asan, which builds without, still hears of those that are wrong.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT CMAKE_DISABLE_PRECOMPILE_HEADERS)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wno-array-bounds -Wno-stringop-overflow>)
  endif()
endfunction()
