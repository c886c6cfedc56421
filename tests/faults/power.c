/* Cuts the power of a file system, as its own developers test it: it is shut down as it is, without writing its journal. Nothing
 * reaches the disk from then on. The number is of Linux's ioctls for XFS, which ext4 understands too. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>

int main(int count, char **arguments) {
    uint32_t without_journal = 2;
    int folder = count == 2 ? open(arguments[1], O_RDONLY) : -1;
    if (folder >= 0 && ioctl(folder, _IOR('X', 125, uint32_t), &without_journal) == 0) return 0;
    perror("the power stays on");
    return 1;
}
