// A PC of v86 in Node, with its serial line on standard output.
// node v86.mjs PACKAGE_FOLDER SEABIOS_FOLDER KERNEL INITRD COMMAND_LINE MIB
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [pkg, bios, kernel, initrd, cmdline, mib] = process.argv.slice(2);
const { V86 } = await import(pathToFileURL(`${pkg}/build/libv86.mjs`).href);
const image = (path) => {
    const bytes = readFileSync(path);
    return { buffer: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) };
};
const machine = new V86({
    wasm_path: `${pkg}/build/v86.wasm`,
    bios: image(`${bios}/bios.bin`),
    vga_bios: image(`${bios}/vgabios.bin`),
    bzimage: image(kernel),
    initrd: image(initrd),
    cmdline,
    memory_size: Number(mib) << 20,
    vga_memory_size: 8 << 20,
    autostart: true,
    disable_speaker: true,
});
machine.add_listener("serial0-output-byte", (byte) => process.stdout.write(Uint8Array.of(byte)));
process.stdin.on("data", (bytes) => machine.serial_send_bytes(0, bytes));
