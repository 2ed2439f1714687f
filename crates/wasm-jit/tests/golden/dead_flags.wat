;; 00  add rax,rbx
;; 03  sub rcx,rax
(module
  (type (;0;) (func (param i64 i64) (result i64)))
  (type (;1;) (func (param i64 i64 i64 i64) (result i64)))
  (type (;2;) (func (param i64 i64 i64 i64) (result i64)))
  (type (;3;) (func (param i64 i64 i64 i64 i64) (result i64)))
  (type (;4;) (func (param i64 i64 i64) (result i64)))
  (type (;5;) (func (param i64 i64) (result i64)))
  (type (;6;) (func (param i64 i64)))
  (type (;7;) (func (param i64 i64 i64 i64 i64) (result i64)))
  (type (;8;) (func (param i64 i64 i64 i64 i64) (result i64)))
  (type (;9;) (func (param i64 i64 i64 i64 i64 i64) (result i64)))
  (type (;10;) (func (param i64 i64 i64) (result i64)))
  (import "v64" "memory" (memory (;0;) i64 1))
  (import "v64" "table" (table (;0;) i64 1 funcref))
  (import "v64" "find" (func (;0;) (type 1)))
  (import "v64" "find_to_write" (func (;1;) (type 2)))
  (import "v64" "store" (func (;2;) (type 3)))
  (import "v64" "step" (func (;3;) (type 4)))
  (import "v64" "code_address" (func (;4;) (type 5)))
  (import "v64" "jump" (func (;5;) (type 6)))
  (import "v64" "flags_result" (func (;6;) (type 7)))
  (import "v64" "flags_aux" (func (;7;) (type 8)))
  (import "v64" "f80" (func (;8;) (type 9)))
  (elem (;0;) (i64.const 1) func 10)
  (func (;9;) (type 10) (param i64 i64 i64) (result i64)
    (local i64 i64 i64)
    local.get 2
    i64.eqz
    if ;; label = @1
      local.get 0
      i64.load rip
      local.get 0
      i64.load seg_base1
      i64.add
      local.get 0
      i64.load linear_mask
      i64.and
      local.set 3
      local.get 3
      i64.const 7
      i64.shr_u
      i64.const 32736
      i64.and
      local.get 0
      i64.load bank
      i64.add
      local.tee 4
      i64.load offset=16
      local.get 3
      i64.const -4096
      i64.and
      i64.eq
      if ;; label = @2
        local.get 4
        i64.load offset=24
        local.get 3
        i64.add
        local.set 2
      else
        local.get 1
        i64.const 0
        i64.gt_s
        if ;; label = @3
          local.get 0
          local.get 3
          call 4
          local.set 2
        end
      end
    end
    local.get 0
    i64.load32_u code_key
    i64.const 48
    i64.shl
    local.get 2
    i64.xor
    local.set 5
    local.get 5
    i64.const -7046029254386353131
    i64.mul
    i64.const 44
    i64.shr_u
    i64.const -16
    i64.and
    local.get 0
    i64.load entries
    i64.add
    local.set 4
    local.get 4
    i64.load
    local.get 5
    i64.eq
    if ;; label = @1
      local.get 3
      i64.eqz
      i32.eqz
      if ;; label = @2
        local.get 0
        local.get 4
        i64.load offset=8
        call 5
      end
      local.get 0
      local.get 1
      local.get 4
      i64.load offset=8
      return_call_indirect (type 0)
    end
    local.get 4
    i64.const 16
    i64.xor
    local.set 4
    local.get 4
    i64.load
    local.get 5
    i64.eq
    if ;; label = @1
      local.get 3
      i64.eqz
      i32.eqz
      if ;; label = @2
        local.get 0
        local.get 4
        i64.load offset=8
        call 5
      end
      local.get 0
      local.get 1
      local.get 4
      i64.load offset=8
      return_call_indirect (type 0)
    end
    local.get 0
    i64.const 0
    i64.store leave
    local.get 1
  )
  (func (;10;) (type 0) (param i64 i64) (result i64)
    (local i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
    local.get 1
    i64.const 2
    i64.lt_s
    (@metadata.code.branch_hint "\00")
    if ;; label = @1
      local.get 0
      i64.const 1
      i64.store leave
      local.get 1
      return
    end
    local.get 0
    i64.load rip
    local.set 2
    local.get 0
    i64.load bank
    local.set 11
    local.get 0
    i64.load gpr0
    local.set 15
    local.get 0
    i64.load gpr1
    local.set 16
    local.get 0
    i64.load gpr3
    local.set 17
    local.get 0
    i64.load flags_kind
    local.set 6
    local.get 0
    i64.load flags_a
    local.set 7
    local.get 0
    i64.load flags_b
    local.set 8
    local.get 0
    i64.load flags_result
    local.set 9
    local.get 0
    i64.load flags_carry
    local.set 10
    block ;; label = @1
      block ;; label = @2
        local.get 15
        local.get 17
        i64.add
        local.set 18
        local.get 16
        local.get 18
        i64.sub
        local.set 19
        local.get 18
        local.get 19
        local.get 16
        local.get 18
        local.get 19
        i64.const 11
        local.set 6
        local.set 9
        local.set 8
        local.set 7
        local.set 16
        local.set 15
        local.get 1
        i64.const 2
        i64.sub
        local.set 1
        local.get 2
        i64.const 6
        i64.add
        local.set 3
        i64.const 1048582
        local.set 5
        br 0 (;@2;)
        unreachable
      end
      local.get 0
      local.get 15
      i64.store gpr0
      local.get 0
      local.get 16
      i64.store gpr1
      local.get 0
      local.get 6
      i64.store flags_kind
      local.get 0
      local.get 7
      i64.store flags_a
      local.get 0
      local.get 8
      i64.store flags_b
      local.get 0
      local.get 9
      i64.store flags_result
      local.get 0
      local.get 10
      i64.store flags_carry
      local.get 0
      local.get 3
      i64.store rip
    end
    local.get 4
    i64.eqz
    (@metadata.code.branch_hint "\01")
    if ;; label = @1
      local.get 5
      i64.eqz
      if ;; label = @2
        local.get 3
        local.get 3
        i64.const 12
        i64.shr_u
        i64.xor
        i64.const 16383
        i64.and
        i64.const 4
        i64.shl
        local.get 0
        i64.load jumps
        i64.add
        local.tee 13
        i64.load
        local.get 0
        i64.load jump_key
        local.get 3
        i64.xor
        i64.eq
        (@metadata.code.branch_hint "\01")
        if ;; label = @3
          local.get 0
          local.get 1
          local.get 13
          i64.load offset=8
          return_call_indirect (type 0)
        end
        local.get 0
        local.get 1
        i64.const 0
        return_call 9
      end
      local.get 0
      i64.load32_u code_key
      i64.const 48
      i64.shl
      local.get 5
      i64.xor
      local.set 12
      local.get 12
      i64.const -7046029254386353131
      i64.mul
      i64.const 44
      i64.shr_u
      i64.const -16
      i64.and
      local.get 0
      i64.load entries
      i64.add
      local.tee 13
      i64.load
      local.get 12
      i64.eq
      (@metadata.code.branch_hint "\01")
      if ;; label = @2
        local.get 0
        local.get 1
        local.get 13
        i64.load offset=8
        return_call_indirect (type 0)
      end
      local.get 0
      local.get 1
      local.get 5
      return_call 9
    end
    local.get 0
    local.get 4
    i64.store leave
    local.get 1
  )
)
