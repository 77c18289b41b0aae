#include <stdio.h>

int main(void) {
    puts("usage: thaw COMMAND [OPTION...]");
    return 2;
}
