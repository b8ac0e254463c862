/* layer_acts: what a process tries to do when it is confined without a filter.
 */
#ifndef LAYER_ACTS_H
#define LAYER_ACTS_H

/* The user that a process becomes. */
#define LAYER_USER 65534
/* TCP ports of this machine at which nobody listens. */
#define LAYER_ALLOWED_PORT 9
#define LAYER_OTHER_PORT 7

/*
 * A folder, files in it and outside, a listener, shared memory: once, by the
 * process outside.  The folder's path stays valid.
 */
void layer_prepare(void);
const char *layer_folder(void);
void layer_take_back(void);

/* 0 if it works, or the errno.  What is made is removed again. */
int layer_read_own(void);
int layer_make_own(void);
int layer_read_folder(void);
int layer_make_folder_in_own(void);
int layer_make_link(void);
int layer_make_device(void);
int layer_read_secret(void);
int layer_write_secret(void);
int layer_read_machine(void);
int layer_list_root(void);
int layer_see_machine(void);
int layer_write_root(void);
int layer_run_program(void);
int layer_call_its_server(void);
int layer_call_another(void);
int layer_send_datagrams(void);
int layer_listen_tcp(void);
int layer_call_abstract(void);
int layer_signal_other(void);
int layer_read_memory(void);
int layer_shared_memory(void);
int layer_name_machine(void);
int layer_change_root(void);
int layer_mount_something(void);
int layer_become_root(void);
int layer_make_namespace(void);
int layer_raise_limit(void);
int layer_page_out(void);
int layer_lock_memory(void);
int layer_dumpable(void);
int layer_new_privileges(void);

#endif
