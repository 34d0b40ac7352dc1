/* SPDX-License-Identifier: MIT */
/*
 * The lines that `vhdtool serve` prints, to be copied into a shell or a file: each path is written as the place where it
 * stands wants it, so that spaces, commas and quotes in it do no harm.
 */
#include <ctype.h>
#include <string.h>

#include "vhd/tool/serve.h"

/* A URI's own characters, and those that neither QEMU's options nor a shell's quotes take for something else. */
static void put_uri_path(FILE *out, const char *path)
{
	for (const char *c = path; *c; c++) {
		if (isalnum((unsigned char)*c) || strchr("/-._~", *c)) {
			fputc(*c, out);
		} else {
			fprintf(out, "%%%02X", (unsigned char)*c);
		}
	}
}

static void put_xml(FILE *out, const char *text)
{
	for (const char *c = text; *c; c++) {
		if (strchr("&<>'\"", *c)) {
			fprintf(out, "&#%d;", *c);
		} else {
			fputc(*c, out);
		}
	}
}

/* Between a shell's single quotes; QEMU's options want their commas twice. */
static void put_quoted(FILE *out, const char *text, bool twice)
{
	for (const char *c = text; *c; c++) {
		if (*c == '\'') {
			fputs("'\\''", out);
		} else {
			fputs(twice && *c == ',' ? "," : "", out);
			fputc(*c, out);
		}
	}
}

void serve_print_uri(FILE *out, const struct serve_place *place)
{
	if (place->socket) {
		fputs("nbd+unix:///?socket=", out);
		put_uri_path(out, place->socket);
	} else {
		fprintf(out, "nbd://%s:%u", SERVE_ADDRESS, place->port);
	}
}

static void print_qemu(FILE *out, const struct serve_place *place)
{
	fputs("QEMU:\n  -drive 'file=", out);
	serve_print_uri(out, place);
	fprintf(out, ",format=raw,if=virtio,%s'\n", place->read_only ? "readonly=on" : "discard=unmap");
}

static void print_libvirt(FILE *out, const struct serve_place *place)
{
	fputs("libvirt:\n  <disk type='network' device='disk'>\n    <driver name='qemu' type='raw' discard='unmap'/>\n"
	      "    <source protocol='nbd'>\n",
	      out);
	if (place->socket) {
		fputs("      <host transport='unix' socket='", out);
		put_xml(out, place->socket);
		fputs("'/>\n", out);
	} else {
		fprintf(out, "      <host name='%s' port='%u'/>\n", SERVE_ADDRESS, place->port);
	}
	fprintf(out, "    </source>\n    <target dev='vda' bus='virtio'/>\n%s  </disk>\n",
		place->read_only ? "    <readonly/>\n" : "");
}

/* The daemon's own socket lies beside the server's. */
static void put_vhost(FILE *out, const struct serve_place *place, bool twice)
{
	put_quoted(out, place->socket ? place->socket : "vhd", twice);
	fputs(".vhost", out);
}

static void print_vhost_user(FILE *out, const struct serve_place *place)
{
	fputs("Cloud Hypervisor, through QEMU's storage daemon:\n"
	      "  qemu-storage-daemon --blockdev 'driver=nbd,node-name=vhd,discard=unmap,",
	      out);
	if (place->socket) {
		fputs("server.type=unix,server.path=", out);
		put_quoted(out, place->socket, true);
	} else {
		fprintf(out, "server.type=inet,server.host=%s,server.port=%u", SERVE_ADDRESS, place->port);
	}
	fprintf(out,
		"%s' \\\n    --export 'type=vhost-user-blk,id=vhd,node-name=vhd,writable=%s,addr.type=unix,addr.path=",
		place->read_only ? ",read-only=on" : "", place->read_only ? "off" : "on");
	put_vhost(out, place, true);
	fputs("'\n  cloud-hypervisor --memory size=1G,shared=on --disk 'vhost_user=true,socket=", out);
	put_vhost(out, place, false);
	fputs("' ...\n", out);
}

static void print_kernel(FILE *out, const struct serve_place *place)
{
	const char *read_only = place->read_only ? " -readonly" : "";
	fputs("Linux (as root, after modprobe nbd):\n  nbd-client ", out);
	if (place->socket) {
		fputs("-unix '", out);
		put_quoted(out, place->socket, false);
		fprintf(out, "' /dev/nbd0%s\n", read_only);
	} else {
		fprintf(out, "%s %u /dev/nbd0%s\n", SERVE_ADDRESS, place->port, read_only);
	}
}

void serve_print(FILE *out, const struct serve_place *place)
{
	print_qemu(out, place);
	print_libvirt(out, place);
	print_vhost_user(out, place);
	print_kernel(out, place);
}
