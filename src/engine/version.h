/* The version of lua-aui, in its one place. */
#ifndef AUI_ENGINE_VERSION_H
#define AUI_ENGINE_VERSION_H

#define AUI_VERSION "0.1.0"

#endif
