/* Binary trees that are built, walked and given back: malloc and free. */
#include "bench.h"
#include <stdlib.h>

struct node {
	struct node *left, *right;
};

static NOINLINE struct node *build(int depth)
{
	struct node *node = malloc(sizeof *node);
	if (!node)
		fail("malloc");
	node->left = depth ? build(depth - 1) : NULL;
	node->right = depth ? build(depth - 1) : NULL;
	return node;
}

static NOINLINE unsigned count(const struct node *node)
{
	return node ? 1 + count(node->left) + count(node->right) : 0;
}

static NOINLINE void drop(struct node *node)
{
	if (node) {
		drop(node->left);
		drop(node->right);
		free(node);
	}
}

PROGRAM(trees, 140, "binary trees: malloc and free")
{
	struct node *keep = build(14);
	uint64_t sum = 0;
	while (rounds--) {
		struct node *tree = build(12 + rounds % 3);
		sum = mix(sum, count(tree));
		drop(tree);
	}
	return mix(sum, count(keep));
}
