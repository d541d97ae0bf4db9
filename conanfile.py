# SPDX-License-Identifier: BSL-1.0
"""The recipe for Conan 2: headers only, so one package serves every compiler."""

import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load
from conan.tools.layout import basic_layout


class LogdbConan(ConanFile):
    name = "logdb"
    description = "Append-only storage engine, assembled at compile time from policies"
    license = "BSL-1.0"
    topics = ("write-ahead-log", "storage-engine", "key-value", "time-series", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    exports = "meson.build"
    exports_sources = "include/*", "LICENSE"
    no_copy_source = True

    def set_version(self):
        recipe = load(self, os.path.join(self.recipe_folder, "meson.build"))
        self.version = re.search(r"^\s*version: '([^']+)'", recipe, re.M).group(1)

    def layout(self):
        basic_layout(self)

    def requirements(self):
        self.requires("boost/[>=1.74.0 <2]", transitive_headers=True)

    def package_id(self):
        self.info.clear()

    def validate(self):
        check_min_cppstd(self, 20)

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        copy(self, "*.hpp", os.path.join(self.source_folder, "include"),
             os.path.join(self.package_folder, "include"))

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.requires = ["boost::headers"]
        self.cpp_info.set_property("cmake_file_name", "logdb")
        self.cpp_info.set_property("cmake_target_name", "logdb::logdb")
        self.cpp_info.set_property("pkg_config_name", "logdb")
        if self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["pthread"]
