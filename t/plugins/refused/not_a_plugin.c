/* SPDX-License-Identifier: MIT
 *
 * A shared object that is no plugin.
 */
int nothing_of_use(void);
int nothing_of_use(void)
{
    return 42;
}
