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
    (local i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
    local.get 0
    i32.const 3
    local.get 0
    i64.load offset=48
    i64.const 4294967295
    i64.and
    i32.const 1
    call 0
    local.set 2
    local.get 1
    i32.load
    if ;; label = @1
      local.get 0
      local.get 0
      i64.load offset=128
      i64.const 4294967295
      i64.and
      i64.store offset=128
      i32.const -2147483648
      return
    end
    local.get 0
    i64.load
    i64.const -256
    i64.and
    local.get 2
    i64.or
    local.set 3
    local.get 3
    i64.const 255
    i64.and
    local.set 4
    local.get 3
    i64.const 8
    i64.shr_u
    i64.const 255
    i64.and
    local.set 5
    local.get 5
    local.get 4
    i64.add
    i64.const 255
    i64.and
    local.get 0
    i64.load offset=144
    i64.const 63
    i64.shr_u
    i64.add
    i64.const 255
    i64.and
    local.set 6
    local.get 5
    local.get 4
    i64.and
    local.get 5
    local.get 4
    i64.or
    local.get 6
    i64.const -1
    i64.xor
    i64.and
    i64.or
    local.set 7
    local.get 6
    i64.extend8_s
    local.set 8
    local.get 7
    i64.const 56
    i64.shl
    i64.const -4611686018427387904
    i64.and
    local.get 7
    i64.const 8
    i64.and
    i64.or
    local.set 9
    local.get 3
    i64.const -65281
    i64.and
    local.get 6
    i64.const 8
    i64.shl
    i64.or
    local.set 10
    local.get 0
    i64.load offset=32
    i64.const 4294967295
    i64.and
    local.set 11
    local.get 0
    i64.load offset=128
    i64.const 4
    i64.add
    i64.const 4294967295
    i64.and
    local.set 12
    local.get 0
    i32.const 2
    local.get 11
    i32.const 4
    call 0
    local.set 13
    local.get 1
    i32.load
    if ;; label = @1
      local.get 0
      local.get 10
      local.get 0
      local.get 8
      local.get 0
      local.get 9
      local.get 0
      local.get 12
      i64.store offset=128
      i64.store offset=144
      i64.store offset=136
      i64.store
      i32.const -2147483646
      return
    end
    local.get 0
    i64.load32_u offset=184
    local.get 13
    i64.lt_u
    if ;; label = @1
      local.get 0
      local.get 10
      local.get 0
      local.get 8
      local.get 0
      local.get 9
      local.get 0
      local.get 12
      i64.store offset=128
      i64.store offset=144
      i64.store offset=136
      i64.store
      i32.const -2147483646
      return
    end
    local.get 0
    local.get 10
    local.get 0
    local.get 11
    i64.const 4
    i64.add
    i64.const 4294967295
    i64.and
    local.get 0
    local.get 8
    local.get 0
    local.get 9
    local.get 0
    local.get 13
    i64.store offset=128
    i64.store offset=144
    i64.store offset=136
    i64.store offset=32
    i64.store
    i32.const 3
  )
)
