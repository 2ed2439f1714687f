(module
  (type (;0;) (func (param i64 i64) (result i32)))
  (type (;1;) (func (param i64 i32 i64 i32) (result i64)))
  (type (;2;) (func (param i64 i32 i64 i32 i64) (result i32)))
  (import "env" "memory" (memory (;0;) i64 1))
  (import "env" "load" (func (;0;) (type 1)))
  (import "env" "load_for_write" (func (;1;) (type 1)))
  (import "env" "store" (func (;2;) (type 2)))
  (export "b0" (func 3))
  (func (;3;) (type 0) (param i64 i64) (result i32)
    (local i64 i64 i64)
    local.get 0
    i64.load offset=8
    i64.const 4294967295
    i64.and
    local.set 2
    local.get 0
    i64.load offset=16
    i64.const 4294967295
    i64.and
    local.set 3
    local.get 2
    local.get 3
    i64.le_u
    if ;; label = @1
      i32.const -2147483648
      return
    end
    local.get 3
    i64.const 32
    i64.shl
    local.get 0
    i64.load
    i64.const 4294967295
    i64.and
    i64.or
    local.set 4
    local.get 0
    local.get 4
    local.get 2
    i64.div_u
    i64.const 4294967295
    i64.and
    local.get 0
    local.get 4
    local.get 2
    i64.rem_u
    i64.const 4294967295
    i64.and
    local.get 0
    local.get 0
    i64.load offset=128
    i64.const 2
    i64.add
    i64.store offset=128
    i64.store offset=16
    i64.store
    i32.const 1
  )
)
