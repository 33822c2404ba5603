/* SPDX-License-Identifier: MIT
 *
 * empty: does nothing, linked with what proxtier and its stock plugins are linked with: what starting such a program
 * costs by itself. It names a function of each library, or the linker would leave them out.
 */
#include <gcrypt.h>
#include <json-c/json.h>
#include <sqlite3.h>
#include <yaml.h>

int main(int argc, char **argv)
{
    (void)argv;
    if (argc < 100)
        return 0;
    return sqlite3_libversion_number() + (int)gcry_check_version(NULL)[0] + json_c_version_num() +
           (int)yaml_get_version_string()[0];
}
