# The three ways a file enters the build. Rooms are OBJECT libraries: add_mlir_library and friends
# would name static MLIR libraries (see the note in the top CMakeLists.txt).

# fptq_tablegen(ROOM FILE.td -gen-x-decls out.h.inc [-gen-y out2.inc ...])
# Called from include/fptq/ROOM; all generated headers hang on the target fptq-headers.
function(fptq_tablegen room td)
  set(LLVM_TARGET_DEFINITIONS ${td})
  set(args ${ARGN})
  set(outputs)
  while(args)
    list(POP_FRONT args generator output)
    separate_arguments(generator)
    mlir_tablegen(${output} ${generator} EXTRA_INCLUDES ${PROJECT_SOURCE_DIR}/include)
    list(APPEND outputs "${CMAKE_CURRENT_BINARY_DIR}/${output}")
  endwhile()
  get_filename_component(stem ${td} NAME_WE)
  add_custom_target(fptq-${room}-${stem}-inc DEPENDS ${outputs})
  add_dependencies(fptq-headers fptq-${room}-${stem}-inc)
endfunction()

# fptq_room(Quantize a.cpp b.cpp): objects of one room, gathered in libFPTQ.a by lib/CMakeLists.txt.
# The precompiled header holds only MLIR's own headers: parsing them is three quarters of a build.
function(fptq_room name)
  add_library(fptq-${name} OBJECT ${ARGN})
  add_dependencies(fptq-${name} fptq-headers)
  if(NOT name STREQUAL "Runtime")
    target_precompile_headers(fptq-${name} REUSE_FROM fptq-pch)
  endif()
  set_property(GLOBAL APPEND PROPERTY FPTQ_ROOMS fptq-${name})
endfunction()

# fptq_tool(fptq-opt main.cpp): an executable in build/bin.
function(fptq_tool name)
  add_executable(${name} ${ARGN})
  add_dependencies(${name} fptq-headers)
  target_link_libraries(${name} PRIVATE FPTQ)
  install(TARGETS ${name} EXPORT QuantFPTQToolsTargets RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
  set_property(GLOBAL APPEND PROPERTY FPTQ_TOOLS ${name})
endfunction()
