"""Tell pip the name and version of an unpacked source package from its PKG-INFO, and build nothing."""

import email.parser
import os
import shutil


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    with open("PKG-INFO", encoding="utf-8") as stream:
        fields = email.parser.Parser().parse(stream, headersonly=True)
    name = f"{fields['Name'].replace('-', '_')}-{fields['Version']}.dist-info"
    folder = os.path.join(metadata_directory, name)
    os.mkdir(folder)
    shutil.copy("PKG-INFO", os.path.join(folder, "METADATA"))
    with open(os.path.join(folder, "WHEEL"), "w", encoding="utf-8") as stream:
        stream.write("Wheel-Version: 1.0\nGenerator: thaw\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    return name


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    raise RuntimeError("scripts/setup only unpacks source packages")
