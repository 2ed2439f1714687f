//! A third and the root of two in single, double and double-extended precision, in all four rounding modes, with the
//! exception flags: `cargo run -p x86-float --example rounding`.

use x86_float::{Env, F80, Rounding, sse};

fn main() {
    for rounding in [Rounding::NearestEven, Rounding::Down, Rounding::Up, Rounding::Zero] {
        // MXCSR and control word after reset, with another rounding control
        let mxcsr = || Env::from_mxcsr(0x1f80 | (rounding as u32) << 13);
        let control = || Env::from_x87_control(0x37f | (rounding as u16) << 10);
        println!("{rounding:?}");

        let mut env = mxcsr();
        let single = sse::div(&mut env, 1f32.to_bits(), 3f32.to_bits());
        println!("  single  1/3 {single:08x} {:.9} {:?}", f32::from_bits(single), env.raised);
        let mut env = mxcsr();
        let double = sse::sqrt(&mut env, 2f64.to_bits());
        println!("  double  √2  {double:016x} {:.17} {:?}", f64::from_bits(double), env.raised);

        let mut env = control();
        let third = F80::div(&mut env, F80::ONE, F80::from_integer(3));
        println!("  x87     1/3 {:04x}:{:016x} {:?}", third.sign_exponent, third.significand, env.raised);
        let mut env = control();
        let root = F80::from_integer(2).sqrt(&mut env);
        println!("  x87     √2  {:04x}:{:016x} {:?}", root.sign_exponent, root.significand, env.raised);
    }
}
