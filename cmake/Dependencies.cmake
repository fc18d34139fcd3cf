# Libraries of others. gRPC and protobuf are linked statically: loading them dynamically costs 13 ms at each start.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(GRPC REQUIRED grpc++)
add_library(ionian_deps INTERFACE)
# A repeated library is one library: the static list of Debian's gRPC names each several times.
set(grpc_libs ${GRPC_STATIC_LIBRARIES})
list(REMOVE_ITEM grpc_libs dl rt atomic pthread)
list(REMOVE_DUPLICATES grpc_libs)
target_link_libraries(ionian_deps INTERFACE
  -Wl,-Bstatic -Wl,--start-group grpc++ grpc protobuf ${grpc_libs} ssl crypto sodium sqlite3 -Wl,--end-group -Wl,-Bdynamic
  Threads::Threads dl rt atomic)
find_library(YAML_STATIC libyaml.a REQUIRED)
target_compile_definitions(ionian_deps INTERFACE PROTOBUF_USE_DLLS=0)
