//! Exception classes, IVT/IDT/IST/TSS delivery, double and triple faults, IRET.
