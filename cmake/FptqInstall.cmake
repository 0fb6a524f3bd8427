# `cmake --install build --prefix P`: a copy that works wherever it lies, with the source and build trees gone.
# Targets are installed where they are made; here is what belongs to none.
include(CMakePackageConfigHelpers)

set(FPTQ_SHARE_DIR "${CMAKE_INSTALL_DATADIR}/quant-fptq")
set(FPTQ_EXAMPLES_DIR "${FPTQ_SHARE_DIR}/examples")
set(FPTQ_PACKAGE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/QuantFPTQ")
set(QuantFPTQ_LLVM_VERSION "${LLVM_VERSION_MAJOR}.${LLVM_VERSION_MINOR}")

# Headers, ours and generated, and the TableGen files of the dialect.
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.h" PATTERN "*.td")
install(DIRECTORY "${PROJECT_BINARY_DIR}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.inc" PATTERN "CMakeFiles" EXCLUDE)

# CMake package and pkg-config file.
configure_package_config_file(cmake/QuantFPTQConfig.cmake.in QuantFPTQConfig.cmake
  INSTALL_DESTINATION "${FPTQ_PACKAGE_DIR}" PATH_VARS CMAKE_INSTALL_INCLUDEDIR FPTQ_EXAMPLES_DIR)
write_basic_package_version_file(QuantFPTQConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/QuantFPTQConfig.cmake" "${PROJECT_BINARY_DIR}/QuantFPTQConfigVersion.cmake"
  DESTINATION "${FPTQ_PACKAGE_DIR}")
foreach(component Compiler CAPI Runtime Tools)
  install(EXPORT QuantFPTQ${component}Targets NAMESPACE QuantFPTQ:: DESTINATION "${FPTQ_PACKAGE_DIR}")
endforeach()
file(RELATIVE_PATH FPTQ_PC_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file(cmake/quant-fptq.pc.in quant-fptq.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/quant-fptq.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

# The Python package, with the metadata that pip would have written, and its command.
install(DIRECTORY "${PROJECT_SOURCE_DIR}/python/quant_fptq" DESTINATION "${FPTQ_SHARE_DIR}/python"
  PATTERN "__pycache__" EXCLUDE)
file(CONFIGURE OUTPUT METADATA CONTENT "Metadata-Version: 2.1\nName: quant-fptq\nVersion: ${PROJECT_VERSION}\n")
install(FILES "${PROJECT_BINARY_DIR}/METADATA"
  DESTINATION "${FPTQ_SHARE_DIR}/python/quant_fptq-${PROJECT_VERSION}.dist-info")
configure_file(python/quant-fptq-installed.in quant-fptq-installed @ONLY)
install(PROGRAMS "${PROJECT_BINARY_DIR}/quant-fptq-installed" DESTINATION "${CMAKE_INSTALL_BINDIR}" RENAME quant-fptq)

# Documents, and the examples with the weights they run on.
install(DIRECTORY "${PROJECT_SOURCE_DIR}/docs/" DESTINATION "${CMAKE_INSTALL_DOCDIR}" PATTERN "examples" EXCLUDE)
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" "${PROJECT_SOURCE_DIR}/README.md" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/docs/examples/" DESTINATION "${FPTQ_EXAMPLES_DIR}" USE_SOURCE_PERMISSIONS)
install(FILES "${PROJECT_SOURCE_DIR}/test/models/kjv/model.safetensors" DESTINATION "${FPTQ_EXAMPLES_DIR}")
