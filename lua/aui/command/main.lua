#!/usr/bin/env lua
-- The program `aui`.

os.exit(require("aui.command").run(arg), true)
