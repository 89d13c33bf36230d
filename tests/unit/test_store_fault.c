/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What can go wrong below the server's store: map full, disk full, failing syncs, the wrong key, a second process,
 * damaged bytes. Each has its name, loses nothing that was committed, and reads go on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "err.h"
#include "fault_os.h"
#include "store_box.h"
#include "store_in.h"
#include "tmp.h"

#define ALARM BAKEN__CLASS__CLASS_ALARM
#define NORMAL BAKEN__CLASS__CLASS_NORMAL
#define SKIP 77

static struct bk_store_box box;

static int setup(void **state)
{
	(void)state;
	memset(&box, 0, sizeof box);
	bk_tmp_dir(); /* the parent's, before any child */
	return 0;
}

static int submit_big(unsigned number, Baken__Class class, unsigned to, uint64_t *ret_seq)
{
	struct bk_box_message m = {.number = number, .class = class, .to = &to, .n_to = 1, .body_len = 60000};
	int err = bk_store_box_submit(&box, &m);

	if (ret_seq)
		*ret_seq = m.seqs[0];
	return err;
}

static int count_delivery(void *arg, const struct bk_delivery_row *row)
{
	++*(size_t *)arg;
	return bk_hash_equal(bk_hash_of(row->body.data, row->body.len), row->body_hash) ? 0 : BK_E_HASH;
}

static int read_all(unsigned device, size_t *ret_n)
{
	struct bk_delivery_pos pos = {0};
	struct bk_store_view *v = NULL;
	int err = bk_store_view_begin(box.store, &v);

	*ret_n = 0;
	if (!err)
		err = bk_store_deliveries(v, bk_sample_id(device), &pos, 10000, count_delivery, ret_n);
	bk_store_view_end(v);
	return err;
}

/* ---- map full ---- */

/* M5: ordinary messages are refused at nine tenths, alarms go on, acks always, and what they free is room again. */
static void map_full(void **state)
{
	uint64_t seqs[512], alarm = 0;
	unsigned n = 0, alarms = 0;
	size_t read = 0;

	(void)state;
	box.o.map_bytes = 8u << 20;
	bk_store_box_realm(&box, "map-full");
	while (n < 512 && submit_big(n, NORMAL, BK_BOX_PHONE, &seqs[n]) == 0)
		n++;
	assert_true(n > 50 && n < 512);
	assert_int_equal(submit_big(n, NORMAL, BK_BOX_PHONE, NULL), BK_E_FULL);
	assert_int_equal(bk_store_box_upload(&box, BK_BOX_PHONE, 1, 100), BK_E_FULL);
	assert_true(bk_store_box_stats(&box).read_only);
	assert_int_equal(submit_big(1000, ALARM, BK_BOX_VAULT, &alarm), 0);
	while (alarms < 512 && submit_big(1001 + alarms, ALARM, BK_BOX_VAULT, NULL) == 0)
		alarms++;
	assert_true(alarms > 2 && alarms < 512);
	assert_int_equal(bk_store_box_check(&box), 0);
	assert_int_equal(read_all(BK_BOX_PHONE, &read), 0);
	assert_int_equal(read, n);
	assert_int_equal(bk_store_box_login(&box, BK_BOX_PHONE, 1, 0), 0); /* so that it can come and fetch */
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(bk_store_box_ack(&box, BK_BOX_PHONE, seqs[i], NULL), 0);
	assert_false(bk_store_box_stats(&box).read_only);
	assert_int_equal(submit_big(3000, NORMAL, BK_BOX_PHONE, NULL), 0);
	assert_int_equal(bk_store_box_reopen(&box), 0);
	assert_int_equal(read_all(BK_BOX_VAULT, &read), 0);
	assert_int_equal(read, alarms + 1);
	assert_int_equal(bk_store_box_check(&box), 0);
	bk_store_box_close(&box);
}

/* A batch that does not fit is refused whole; each op says so; the next goes on. */
static void batch_does_not_fit(void **state)
{
	enum { N = 40 };
	static uint8_t bodies[N][60000], capsule[BK_CAPSULE_BYTES];
	struct bk_op_capsule capsules[N];
	struct bk_op *ops = calloc(N, sizeof *ops);
	struct bk_store_stats before;

	(void)state;
	box.o.map_bytes = 1u << 20;
	bk_store_box_realm(&box, "batch");
	before = bk_store_box_stats(&box);
	for (unsigned i = 0; i < N; i++) {
		bk_sample_fill(bodies[i], sizeof bodies[i], i);
		capsules[i] = (struct bk_op_capsule){bk_sample_id(BK_BOX_PHONE), capsule, 0};
		ops[i].kind = BK_OP_SUBMIT;
		ops[i].now = box.now;
		ops[i].submit.message = bk_sample_id(0x6000 + i);
		ops[i].submit.class = ALARM;
		ops[i].submit.body = (struct bk_bytes){bodies[i], sizeof bodies[i]};
		ops[i].submit.body_hash = bk_hash_of(bodies[i], sizeof bodies[i]);
		ops[i].submit.capsules = &capsules[i];
		ops[i].submit.n_capsules = 1;
	}
	assert_int_equal(bk_store_commit(box.store, ops, N), BK_E_FULL);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(ops[i].result, BK_E_FULL);
	assert_int_equal(bk_store_box_stats(&box).queued, before.queued);
	assert_int_equal(bk_store_box_stats(&box).dedupe, before.dedupe);
	assert_int_equal(bk_store_commit(box.store, ops, 1), 0);
	assert_int_equal(ops[0].result, 0);
	assert_int_equal(bk_store_box_check(&box), 0);
	bk_store_box_close(&box);
	free(ops);
}

/* ---- disk full ---- */

/* Fills up, is told so by name, reads on; then `more` makes room and it goes on where it was. */
static int fill_and_go_on(bool (*more)(void))
{
	unsigned n = 0;
	size_t read = 0;
	int err;

	while ((err = submit_big(n, NORMAL, BK_BOX_PHONE, NULL)) == 0 && n < 2000)
		n++;
	BK_CHILD_CHECK(err == BK_E_FULL && n > 3);
	for (unsigned i = 0; i < 3; i++)
		BK_CHILD_CHECK(submit_big(n, NORMAL, BK_BOX_PHONE, NULL) == BK_E_FULL);
	BK_CHILD_CHECK(read_all(BK_BOX_PHONE, &read) == 0 && read == n);
	BK_CHILD_CHECK(bk_store_box_check(&box) == 0);
	BK_CHILD_CHECK(bk_store_box_reopen(&box) == 0); /* a restart on a full disk */
	BK_CHILD_CHECK(read_all(BK_BOX_PHONE, &read) == 0 && read == n);
	BK_CHILD_CHECK(more());
	BK_CHILD_CHECK(submit_big(n, NORMAL, BK_BOX_PHONE, NULL) == 0);
	BK_CHILD_CHECK(submit_big(n + 1, NORMAL, BK_BOX_PHONE, NULL) == 0);
	BK_CHILD_CHECK(bk_store_box_reopen(&box) == 0);
	BK_CHILD_CHECK(read_all(BK_BOX_PHONE, &read) == 0 && read == n + 2);
	BK_CHILD_CHECK(bk_store_box_check(&box) == 0);
	bk_store_box_close(&box);
	return 0;
}

static bool raise_limit(void)
{
	struct rlimit limit = {16u << 20, 32u << 20};

	return setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

/* No more than so many bytes in a file: also ends in the middle of a write. */
static int within_file_size(void *arg)
{
	struct rlimit limit = {(rlim_t)(uintptr_t)arg, 32u << 20};

	BK_CHILD_CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	bk_store_box_realm(&box, "file-size");
	BK_CHILD_CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	return fill_and_go_on(raise_limit);
}

static void file_size_limit(void **state)
{
	(void)state;
	assert_int_equal(bk_fault_os_child(within_file_size, (void *)(uintptr_t)(1u << 20)), 0);
	assert_int_equal(bk_fault_os_child(within_file_size, (void *)(uintptr_t)((1u << 20) + 1234)), 0);
}

static bool remove_filler(void)
{
	return unlink(bk_tmp_path("small/filler")) == 0;
}

static int on_small_disk(void *arg)
{
	static const uint8_t filler[4u << 20];

	(void)arg;
	if (!bk_fault_os_small_disk(bk_tmp_path("small"), 6u << 20))
		return SKIP;
	BK_CHILD_CHECK(bk_tmp_write(bk_tmp_path("small/filler"), filler, sizeof filler) == 0);
	bk_store_box_realm(&box, "small/store");
	return fill_and_go_on(remove_filler);
}

static void disk_full(void **state)
{
	int code;

	(void)state;
	assert_int_equal(mkdir(bk_tmp_path("small"), 0700), 0);
	code = bk_fault_os_child(on_small_disk, NULL);
	if (code == SKIP)
		skip();
	assert_int_equal(code, 0);
}

/* ---- failing syncs ---- */

/* After the fault: named, final for writes, told by stats; reads and backups go on. */
static int refuses_but_reads(void)
{
	struct bk_bundle bundle;
	size_t read = 0;
	bool more = true;

	BK_CHILD_CHECK(submit_big(2, ALARM, BK_BOX_PHONE, NULL) == BK_E_IO);
	BK_CHILD_CHECK(submit_big(3, ALARM, BK_BOX_PHONE, NULL) == BK_E_IO);
	BK_CHILD_CHECK(bk_store_box_claim_prekey(&box, BK_BOX_PHONE, BK_BOX_LEAD, &bundle) == BK_E_IO);
	BK_CHILD_CHECK(bk_store_expire(box.store, box.now, NULL, NULL, &more) == BK_E_IO);
	BK_CHILD_CHECK(read_all(BK_BOX_PHONE, &read) == 0 && read == 1);
	BK_CHILD_CHECK(bk_store_box_check(&box) == 0);
	BK_CHILD_CHECK(bk_store_box_stats(&box).read_only);
	BK_CHILD_CHECK(bk_store_box_device(&box, BK_BOX_PHONE).queued == 1);
	return 0;
}

static int data_sync_fails(void *arg)
{
	(void)arg;
	bk_store_box_realm(&box, "sync");
	BK_CHILD_CHECK(submit_big(1, NORMAL, BK_BOX_PHONE, NULL) == 0);
	if (!bk_fault_os_fail(SYS_fdatasync, -1, EIO))
		return SKIP;
	return refuses_but_reads();
}

/* LMDB's second sync is a write of its meta page through a descriptor with O_DSYNC. */
static int meta_write_fails(void *arg)
{
	struct rlimit nearly_full = {2u << 20, 2u << 20}; /* must not pass for the reason */
	char file[700];
	int fd;

	(void)arg;
	bk_store_box_realm(&box, "sync");
	BK_CHILD_CHECK(submit_big(1, NORMAL, BK_BOX_PHONE, NULL) == 0);
	snprintf(file, sizeof file, "%s/%s", box.path, BK_STORE_FILE);
	fd = bk_fault_os_fd(file, O_DSYNC);
	BK_CHILD_CHECK(fd >= 0 && setrlimit(RLIMIT_FSIZE, &nearly_full) == 0);
	if (!bk_fault_os_fail(SYS_pwrite64, fd, EIO))
		return SKIP;
	return refuses_but_reads();
}

static int data_write_fails(void *arg)
{
	char file[700];
	int fd;

	(void)arg;
	bk_store_box_realm(&box, "sync");
	BK_CHILD_CHECK(submit_big(1, NORMAL, BK_BOX_PHONE, NULL) == 0);
	snprintf(file, sizeof file, "%s/%s", box.path, BK_STORE_FILE);
	fd = bk_fault_os_fd(file, 0);
	BK_CHILD_CHECK(fd >= 0);
	if (!bk_fault_os_fail(SYS_writev, fd, EIO) || !bk_fault_os_fail(SYS_pwrite64, fd, EIO))
		return SKIP;
	return refuses_but_reads();
}

/* A new process finds what was committed and not a byte of the rest, and writes again. */
static int finds_the_first(void *arg)
{
	size_t read = 0;

	(void)arg;
	snprintf(box.path, sizeof box.path, "%s", bk_tmp_path("sync"));
	bk_sample_fill(box.key, sizeof box.key, 77);
	box.o.path = box.path;
	box.o.seal_key = box.key;
	box.now = BK_SAMPLE_NOW;
	BK_CHILD_CHECK(bk_store_open(&box.o, &box.store) == 0);
	BK_CHILD_CHECK(read_all(BK_BOX_PHONE, &read) == 0 && read == 1);
	BK_CHILD_CHECK(bk_store_box_check(&box) == 0);
	BK_CHILD_CHECK(submit_big(2, ALARM, BK_BOX_PHONE, NULL) == 0);
	bk_store_box_close(&box);
	return 0;
}

static void syncs_fail(void **state)
{
	int (*const faults[])(void *) = {data_sync_fails, meta_write_fails, data_write_fails};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		int code = bk_fault_os_child(faults[i], NULL);

		if (code == SKIP)
			skip();
		assert_int_equal(code, 0);
		assert_int_equal(bk_fault_os_child(finds_the_first, NULL), 0);
	}
}

/* ---- keys and processes ---- */

static int open_child(void *arg)
{
	struct bk_store *s = NULL;
	const struct bk_store_options *o = arg;
	int err = bk_store_open(o, &s);
	struct bk_store_view *v = NULL;
	struct bk_store_stats stats = {.devices = 0};

	if (!err)
		err = bk_store_view_begin(s, &v);
	if (!err)
		err = bk_store_stats(v, &stats);
	bk_store_view_end(v);
	bk_store_close(s);
	if (err)
		return err == BK_E_LOCKED ? 2 : err == BK_E_PASSPHRASE ? 3 : err == BK_E_NOT_FOUND ? 4 : 1;
	return stats.devices == 6 && stats.read_only == o->read_only ? 0 : 1;
}

/* M9: one writing process; readers beside it, with no key at all; none of it changes the file. */
static void keys_and_processes(void **state)
{
	struct bk_store_options o;
	uint8_t wrong[BK_KEY_BYTES] = {9}, *before = NULL, *after = NULL;
	size_t n = 0, m = 0;
	char file[700];

	(void)state;
	bk_store_box_realm(&box, "processes");
	o = box.o;
	assert_int_equal(bk_fault_os_child(open_child, &o), 2);
	o.read_only = true;
	assert_int_equal(bk_fault_os_child(open_child, &o), 0);
	o.seal_key = NULL;
	assert_int_equal(bk_fault_os_child(open_child, &o), 0);
	bk_store_box_close(&box);
	snprintf(file, sizeof file, "%s/%s", box.path, BK_STORE_FILE);
	assert_int_equal(bk_tmp_read(file, &before, &n), 0);
	o.seal_key = wrong;
	assert_int_equal(bk_fault_os_child(open_child, &o), 3);
	o.read_only = false;
	assert_int_equal(bk_fault_os_child(open_child, &o), 3);
	assert_int_equal(bk_tmp_read(file, &after, &m), 0);
	assert_int_equal(n, m);
	assert_memory_equal(before, after, n);
	o.seal_key = NULL;
	assert_int_equal(bk_fault_os_child(open_child, &o), 1); /* writing needs a key */
	o.read_only = true;
	o.path = bk_tmp_path("nowhere");
	assert_int_equal(bk_fault_os_child(open_child, &o), 4);
	free(before);
	free(after);
}

/* An option that is too small for what is there does not make a store unreadable; a senseless path is refused. */
static void odd_options(void **state)
{
	char lang[BK_STORE_PATH_MAX + 1];
	struct bk_store *s = NULL;
	struct bk_store_options o;
	size_t read = 0;

	(void)state;
	box.o.map_bytes = 16u << 20;
	bk_store_box_realm(&box, "options");
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(submit_big(i, NORMAL, BK_BOX_PHONE, NULL), 0);
	box.o.map_bytes = 1;
	assert_int_equal(bk_store_box_reopen(&box), 0);
	assert_int_equal(read_all(BK_BOX_PHONE, &read), 0);
	assert_int_equal(read, 100);
	bk_store_box_close(&box);
	memset(lang, 'a', sizeof lang - 1);
	lang[sizeof lang - 1] = '\0';
	o = box.o;
	o.path = lang;
	assert_int_equal(bk_store_open(&o, &s), BK_E_INVAL);
	o.path = "";
	assert_int_equal(bk_store_open(&o, &s), BK_E_INVAL);
	o.path = NULL;
	assert_int_equal(bk_store_open(&o, &s), BK_E_INVAL);
	o.path = bk_tmp_path("no/such/folder");
	assert_int_equal(bk_store_open(&o, &s), BK_E_NOT_FOUND);
}

static int die_open(void *arg)
{
	(void)arg;
	bk_store_box_realm(&box, "killed");
	raise(SIGKILL);
	return 0;
}

/* M13: the lock dies with its process. */
static void killed_owner_leaves_no_lock(void **state)
{
	(void)state;
	assert_int_equal(bk_fault_os_child(die_open, NULL), -SIGKILL);
	snprintf(box.path, sizeof box.path, "%s", bk_tmp_path("killed"));
	bk_sample_fill(box.key, sizeof box.key, 77);
	box.o = (struct bk_store_options){.path = box.path, .seal_key = box.key, .map_bytes = 256u << 20};
	assert_int_equal(bk_fault_os_child(open_child, &box.o), 0);
}

/* ---- damaged files ---- */

enum { SOUND = 0, NAMED = 10, WRONG = 11 };

/* Opens, looks through everything and compares what it reads with what was put. */
static int look_through(void *arg)
{
	const struct bk_store_options *o = arg;
	struct bk_store_view *v = NULL;
	int err = bk_store_open(o, &box.store);
	size_t read = 0;

	if (err)
		return err == BK_E_CORRUPT || err == BK_E_VERSION || err == BK_E_PASSPHRASE ? NAMED : WRONG;
	err = bk_store_view_begin(box.store, &v);
	if (!err)
		err = bk_store_check(v);
	bk_store_view_end(v);
	if (err)
		return err == BK_E_CORRUPT ? NAMED : WRONG;
	return read_all(BK_BOX_PHONE, &read) == 0 && read == 3 ? SOUND : WRONG;
}

static void make_damaged(uint8_t **ret_data, size_t *ret_n, char file[static 700])
{
	bk_store_box_realm(&box, "damaged");
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(submit_big(i, NORMAL, BK_BOX_PHONE, NULL), 0);
	bk_store_box_close(&box);
	snprintf(file, 700, "%s/%s", box.path, BK_STORE_FILE);
	assert_int_equal(bk_tmp_read(file, ret_data, ret_n), 0);
}

/*
 * LMDB's pages carry no checksum: damage to its trees may end the process that walks them, which a supervisor
 * notices, but what is read after a look through is what was written.
 */
static void flipped_bits(void **state)
{
	unsigned sound = 0, named = 0, died = 0;
	uint8_t *data = NULL;
	size_t n = 0;
	char file[700];

	(void)state;
	make_damaged(&data, &n, file);
	for (size_t i = 0; i < 60; i++) {
		size_t at = (i * 2654435761u) % n;
		int code;

		data[at] ^= (uint8_t)(1u << (i % 8));
		assert_int_equal(bk_tmp_write(file, data, n), 0);
		code = bk_fault_os_child(look_through, &box.o);
		data[at] ^= (uint8_t)(1u << (i % 8));
		assert_int_not_equal(code, WRONG);
		sound += code == SOUND;
		named += code == NAMED;
		died += code != SOUND && code != NAMED;
	}
	assert_true(named > 0);
	print_message("flipped bits: %u named, %u ended the reader, %u lay where nothing is\n", named, died, sound);
	free(data);
}

static void cut_files(void **state)
{
	const size_t cuts[] = {0, 1, 100, 4095, 4096, 8191, 8192, 20000};
	uint8_t *data = NULL;
	size_t n = 0;
	char file[700];

	(void)state;
	make_damaged(&data, &n, file);
	for (size_t i = 0; i < sizeof cuts / sizeof cuts[0] + 2; i++) {
		size_t len = i < sizeof cuts / sizeof cuts[0] ? cuts[i] : i % 2 ? n - 1 : n / 2;

		assert_int_equal(bk_tmp_write(file, data, len), 0);
		assert_int_equal(bk_fault_os_child(look_through, &box.o), NAMED);
	}
	assert_int_equal(bk_tmp_write(file, data, n), 0);
	assert_int_equal(bk_fault_os_child(look_through, &box.o), SOUND);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(map_full, setup),
		cmocka_unit_test_setup(batch_does_not_fit, setup),
		cmocka_unit_test_setup(file_size_limit, setup),
		cmocka_unit_test_setup(disk_full, setup),
		cmocka_unit_test_setup(syncs_fail, setup),
		cmocka_unit_test_setup(keys_and_processes, setup),
		cmocka_unit_test_setup(odd_options, setup),
		cmocka_unit_test_setup(killed_owner_leaves_no_lock, setup),
		cmocka_unit_test_setup(flipped_bits, setup),
		cmocka_unit_test_setup(cut_files, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
